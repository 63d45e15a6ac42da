// Draws the figures that stand as data behind their places, and fits them to narrow pages and to paper.
(() => {
  const NARROW = 640;
  const PAPER = 690; // pixels between the margins of a page of A4

  const draw = (plot) => {
    const { data, layout } = JSON.parse(plot.nextElementSibling.textContent);
    const narrow = layout.meta?.narrow;
    return Plotly.newPlot(plot, data, layout, {
      responsive: true,
      displaylogo: false,
      displayModeBar: "hover",
    }).then(() => {
      if (innerWidth < NARROW) {
        Plotly.relayout(plot, { "margin.l": 8, "margin.r": 8, "font.size": 11, ...narrow });
      }
    });
  };

  const plots = () => document.querySelectorAll(".plot");
  plots().forEach(draw);

  // A folded table of contents leaves the first screen of a narrow page to the summary.
  const contents = document.querySelector("nav details");
  const unfold = () => {
    if (contents) contents.open = matchMedia("(min-width: 1180px)").matches;
  };
  addEventListener("resize", unfold);
  unfold();

  addEventListener("beforeprint", () =>
    plots().forEach((plot) => Plotly.relayout(plot, { width: PAPER, autosize: false })));
  addEventListener("afterprint", () =>
    plots().forEach((plot) => Plotly.relayout(plot, { width: null, autosize: true })));
})();
