(function () {
  "use strict";
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var figures = [];
  root.dataset.figuresTotal = "0";
  root.dataset.figuresDrawn = "0";
  document.querySelectorAll("script.fireai-figure").forEach(function (block) {
    figures.push({figure: block.parentElement, content: JSON.parse(block.textContent)});
  });
  root.dataset.figuresTotal = String(figures.length);
  function ink() {
    var style = getComputedStyle(root);
    return {
      "font.color": style.getPropertyValue("--ink-soft").trim(),
      "hoverlabel.bgcolor": style.getPropertyValue("--paper").trim(),
      "hoverlabel.font.color": style.getPropertyValue("--ink").trim()
    };
  }
  function draw(entry) {
    var plot = entry.figure.querySelector(".plot");
    var config = Object.assign({}, entry.content.config, {
      responsive: true, displaylogo: false, displayModeBar: "hover",
      modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"]], modeBarButtonsToRemove: []
    });
    entry.figure.classList.add("drawn");
    return Plotly.newPlot(plot, entry.content.data, entry.content.layout, config).then(function () {
      return Plotly.relayout(plot, ink());
    }).then(function () {
      root.dataset.figuresDrawn = String(Number(root.dataset.figuresDrawn) + 1);
    }, function (problem) {
      entry.figure.classList.remove("drawn");
      console.error("figure " + entry.figure.id + ": " + problem);
    });
  }
  function next(place) {
    if (place < figures.length) {
      draw(figures[place]).then(function () { setTimeout(next, 0, place + 1); });
    }
  }
  next(0);
  dark.addEventListener("change", function () {
    document.querySelectorAll(".drawn .plot").forEach(function (plot) { Plotly.relayout(plot, ink()); });
  });
})();
