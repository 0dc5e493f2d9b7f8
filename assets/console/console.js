// What the console's pages do beside htmx: they draw curves, keep the menu folded on narrow screens, and go to the
// login when the session has ended.
"use strict";

(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const charts = new Map();

  const KINDS = {
    throughput: [
      { of: "accepted", label: "accepted", color: "--sent", fill: "--sent-soft" },
      { of: "refused", label: "refused", color: "--failed" },
    ],
    latency: [
      { of: "median", label: "median", color: "--accent", fill: "--accent-soft" },
      { of: "p95", label: "95th percentile", color: "--warn" },
    ],
  };

  function options(kind, width) {
    const axis = {
      stroke: css("--quiet"),
      grid: { stroke: css("--line"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    const series = KINDS[kind].map((line) => ({
      label: line.label,
      stroke: css(line.color),
      fill: line.fill ? css(line.fill) : undefined,
      width: 2,
      points: { show: false },
    }));
    return {
      width,
      height: 190,
      cursor: { y: false, points: { size: 7 } },
      legend: { live: true },
      scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.15 : 1] } },
      axes: [{ ...axis }, { ...axis, size: 54 }],
      series: [{ label: "time" }, ...series],
    };
  }

  function draw() {
    const source = document.getElementById("curves");
    for (const place of document.querySelectorAll("[data-chart]")) {
      if (!source) {
        continue;
      }
      const kind = place.dataset.chart;
      const data = JSON.parse(source.dataset.curves || "{}");
      const rows = [data.at || [], ...KINDS[kind].map((line) => data[line.of] || [])];
      // One point is no line.
      if (rows[0].length === 1) {
        rows[0].push(rows[0][0] + 1);
        rows.slice(1).forEach((row) => row.push(row[0]));
      }
      place.classList.toggle("none", rows[0].length === 0);
      let chart = charts.get(place);
      if (rows[0].length === 0) {
        continue;
      }
      if (!chart) {
        chart = new uPlot(options(kind, place.clientWidth), rows, place);
        chart.root.setAttribute("aria-hidden", "true");
        charts.set(place, chart);
      } else {
        chart.setData(rows);
      }
    }
  }

  function fit() {
    for (const [place, chart] of charts) {
      chart.setSize({ width: place.clientWidth, height: 190 });
    }
  }

  function redraw() {
    for (const chart of charts.values()) {
      chart.destroy();
    }
    charts.clear();
    draw();
  }

  document.addEventListener("DOMContentLoaded", () => {
    draw();
    const menu = document.querySelector(".menu");
    const narrow = matchMedia("(max-width: 860px)");
    const fold = () => menu && menu.toggleAttribute("open", !narrow.matches);
    fold();
    narrow.addEventListener("change", fold);
    addEventListener("resize", fit);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  });
  document.addEventListener("htmx:after:swap", draw);

  // A stream that is refused with 401 is one of a session that is over: the page leads to the login.
  document.addEventListener("htmx:sse:error", (event) => {
    if (event.detail.status === 401) {
      location.reload();
    }
  });
})();
