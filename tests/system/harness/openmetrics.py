"""/metrics as Prometheus reads it: by its own parser, which knows names, types, units and how the
buckets of a histogram add up; and what that parser lets through."""
from prometheus_client.openmetrics.parser import text_string_to_metric_families

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Metrics:
    """The families of a text by name, and what its samples say."""

    def __init__(self, text):
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self._values = {}
        for family in self.families.values():
            assert family.type != "unknown", f"{family.name} has no type"
            assert family.documentation, f"{family.name} has no help"
            for sample in family.samples:
                self._values[sample.name, frozenset(sample.labels.items())] = sample.value
        told = [line for line in text.splitlines() if not line.startswith("#")]
        assert len(told) == len(self._values), "a sample is told twice"

    def value(self, name, **labels):
        return self._values[name, frozenset(labels.items())]

    def total(self, name):
        """Over all labels."""
        values = [value for (found, _), value in self._values.items() if found == name]
        assert values, f"no {name}"
        return sum(values)
