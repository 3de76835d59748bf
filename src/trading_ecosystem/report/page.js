"use strict";
(function () {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const settings = {responsive: true, displaylogo: false, showTips: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"]};

  function draw(place) {
    if (place.dataset.drawn) return;
    place.dataset.drawn = "yes";
    const figure = figures[Number(place.dataset.figure)];
    Plotly.newPlot(place, figure.data, figure.layout, settings);
  }

  function drawInside(parent) {
    parent.querySelectorAll(".plot").forEach(draw);
  }

  document.querySelectorAll("details.more").forEach(function (details) {
    details.addEventListener("toggle", function () { if (details.open) drawInside(details); });
  });
  document.querySelectorAll("section > figure .plot").forEach(draw);

  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (details) { details.open = true; drawInside(details); });
    document.querySelectorAll(".plot").forEach(function (place) { Plotly.relayout(place, {width: 680}); });
  });
  window.addEventListener("afterprint", function () {
    document.querySelectorAll(".plot").forEach(function (place) { Plotly.relayout(place, {width: null, autosize: true}); });
  });
})();
