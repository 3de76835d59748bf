"use strict";
(function () {
  const filters = Array.from(document.querySelectorAll("select[data-filter]"));

  function apply() {
    document.querySelectorAll("table.suite tbody").forEach(function (body) {
      const rows = Array.from(body.querySelectorAll("tr[data-verdict]"));
      rows.forEach(function (row) {
        row.hidden = filters.some(function (each) { return each.value && row.dataset[each.dataset.filter] !== each.value; });
      });
      body.hidden = rows.every(function (row) { return row.hidden; });
    });
  }

  const asked = new URLSearchParams(window.location.hash.slice(1)); // Such as index.html#verdict=FAIL.
  filters.forEach(function (each) {
    each.value = asked.get(each.dataset.filter) || "";
    each.addEventListener("change", apply);
  });
  document.querySelectorAll(".filters").forEach(function (each) { each.hidden = false; });
  apply();
})();
