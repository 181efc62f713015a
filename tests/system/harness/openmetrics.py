"""/metrics as Prometheus reads it: its own parser, and what that one lets through."""
from prometheus_client.openmetrics.parser import text_string_to_metric_families

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Metrics:
    """The families of a text by name, and its samples: {(name, labels): value}."""

    def __init__(self, text):
        self.families = {}
        self.samples = {}
        for family in text_string_to_metric_families(text):
            assert family.name not in self.families, f"{family.name} is told twice"
            self._take(family, text)

    def _take(self, family, text):
        assert family.type != "unknown" and f"# TYPE {family.name} " in text
        assert family.documentation, f"{family.name} has no help"
        assert family.samples, f"{family.name} has no value"
        self.families[family.name] = family
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in self.samples, f"{key} is told twice"
            self.samples[key] = sample.value

    def value(self, name, **labels):
        return self.samples[name, frozenset(labels.items())]

    def total(self, name):
        """Over all labels."""
        return sum(value for (found, _), value in self.samples.items() if found == name)


def metrics_of(answer_type, text):
    """The metrics of an HTTP answer."""
    assert answer_type == CONTENT_TYPE
    return Metrics(text)
