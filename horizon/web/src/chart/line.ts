// A line chart of trading days (uPlot): the x axis counts days on which there were prices, so that
// weekends leave no gap. Colours come from the style sheet and are read anew when the theme changes.
//
// The chart itself says nothing to a screen reader: whoever makes one gives it a role, a summary
// and a table.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { axisMarks, type Period, type Series } from "../figures.ts";
import { color, onTheme } from "../theme.ts";

export interface Line {
    values: Series;
    /** custom properties of the style sheet */
    color: string;
    fill?: string;
    /** dashed lines can be told apart without colours */
    dash?: number[];
    width?: number;
}

export interface LineChartOptions {
    dates: string[];
    lines: Line[];
    height: number;
    formatValue: (value: number) => string;
    formatDate: (date: string, period: Period) => string;
    /** charts with the same key share their crosshair */
    key?: string;
    /** null: the pointer has left */
    onCursor?: (idx: number | null) => void;
    /** a part was selected by dragging: first and last day */
    onSelect?: (first: number, last: number) => void;
}

const AXIS_WIDTH = 64;
const MARK_WIDTH = 84;
/** A drag of fewer pixels is a click. */
const SELECT_PX_MIN = 12;

export class LineChart {
    readonly element = document.createElement("div");
    private plot: uPlot | null = null;
    private readonly options: LineChartOptions;
    private readonly observer: ResizeObserver;
    private readonly stopTheme: () => void;

    constructor(options: LineChartOptions) {
        this.options = options;
        this.element.className = "chart-canvas";
        this.observer = new ResizeObserver(() => this.fit());
        this.observer.observe(this.element);
        this.stopTheme = onTheme(() => this.draw());
    }

    dispose(): void {
        this.observer.disconnect();
        this.stopTheme();
        this.plot?.destroy();
        this.plot = null;
    }

    /** Puts the crosshair on a day. */
    point(idx: number): void {
        if (this.plot !== null) {
            const left = this.plot.valToPos(idx, "x");
            this.plot.setCursor({ left, top: this.plot.over.clientHeight / 2 });
        }
    }

    private fit(): void {
        const width = this.element.clientWidth;
        if (width === 0) {
            return;
        }
        if (this.plot === null) {
            this.draw();
        } else if (this.plot.width !== width) {
            this.plot.setSize({ width, height: this.options.height });
        }
    }

    private draw(): void {
        const width = this.element.clientWidth;
        if (width === 0) {
            return;
        }
        this.plot?.destroy();
        const { dates, lines } = this.options;
        const data = [dates.map((_, idx) => idx), ...lines.map((line) => line.values)];
        this.plot = new uPlot(this.plotOptions(width), data as uPlot.AlignedData, this.element);
    }

    private plotOptions(width: number): uPlot.Options {
        const { lines, height, key, onCursor, onSelect } = this.options;
        const cursor: uPlot.Cursor = {
            y: false,
            points: { size: 8, width: 2, fill: () => color("--surface") },
            drag: { x: onSelect !== undefined, y: false, setScale: false },
        };
        if (key !== undefined) {
            cursor.sync = { key, setSeries: false, scales: ["x", null] };
        }
        return {
            width, height, cursor,
            legend: { show: false },
            padding: [10, 12, 0, 0],
            scales: { x: { time: false } },
            axes: this.axes(),
            series: [{}, ...lines.map((line) => seriesOf(line))],
            hooks: {
                setCursor: [(plot) => onCursor?.(plot.cursor.idx ?? null)],
                setSelect: [(plot) => this.selected(plot)],
            },
        };
    }

    private axes(): uPlot.Axis[] {
        const { dates, formatDate, formatValue } = this.options;
        const common = { stroke: color("--text-muted"), font: `12px ${color("--font")}`,
            ticks: { show: false } };
        const marksFor = (plot: uPlot) => axisMarks(dates, Math.floor(plot.width / MARK_WIDTH));
        return [
            { ...common, size: 30, gap: 8, grid: { show: false },
                splits: (plot) => marksFor(plot).marks,
                values: (plot, splits) => {
                    const { period } = marksFor(plot);
                    return splits.map((idx) => formatDate(dates[idx] ?? "", period));
                } },
            { ...common, size: AXIS_WIDTH, gap: 8, grid: { stroke: color("--grid"), width: 1 },
                values: (_, splits) => splits.map((value) => formatValue(value)), space: 44 },
        ];
    }

    private selected(plot: uPlot): void {
        const { left, width } = plot.select;
        if (width < SELECT_PX_MIN) {
            return;
        }
        const first = plot.posToIdx(left);
        const last = plot.posToIdx(left + width);
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        if (last > first) {
            this.options.onSelect?.(first, last);
        }
    }
}

function seriesOf(line: Line): uPlot.Series {
    const series: uPlot.Series = {
        stroke: color(line.color), width: line.width ?? 2, spanGaps: true, pxAlign: 0,
        points: { show: false },
    };
    if (line.fill !== undefined) {
        series.fill = color(line.fill);
    }
    if (line.dash !== undefined) {
        series.dash = line.dash;
    }
    return series;
}
