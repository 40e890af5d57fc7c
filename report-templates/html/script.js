
/* Filters and folds the problems. Without it the whole report can be read. */
(function () {
  'use strict';
  var by = function (id) { return document.getElementById(id); };
  var all = function (what, where) { return Array.prototype.slice.call((where || document).querySelectorAll(what)); };
  var section = by('problems'), tools = by('tools');

  /* A link to a folded problem opens it. */
  function reveal() {
    var place = /^#p\d+$/.test(location.hash) && by(location.hash.slice(1));
    if (!place) return;
    if (place.classList.contains('out')) clear();
    if (place.tagName === 'DETAILS') place.open = true;
    place.scrollIntoView();
  }

  /* On paper nothing can be opened: the first problems are, and fold again afterwards. */
  var opened = [];
  addEventListener('beforeprint', function () {
    opened = all('.card details:not([open])');
    opened.forEach(function (fold) { fold.open = true; });
  });
  addEventListener('afterprint', function () {
    opened.forEach(function (fold) { fold.open = false; });
  });
  addEventListener('hashchange', reveal);

  var clear = function () {};
  if (section && tools) {
    var problems = all('.problem', section), count = by('f-count');
    var words = problems.map(function (p) { return p.textContent.toLowerCase(); });
    var fields = [by('f-when'), by('f-area'), by('f-text')];
    var filter = function () {
      var when = fields[0].value, area = fields[1].value;
      var asked = fields[2].value.toLowerCase().split(/\s+/);
      var shown = 0;
      problems.forEach(function (p, n) {
        var fits = (!when || p.dataset.when === when) && (!area || p.dataset.area === area) &&
          asked.every(function (word) { return words[n].indexOf(word) >= 0; });
        p.classList.toggle('out', !fits);
        if (fits) shown += 1;
      });
      all('.part', section).forEach(function (part) {
        part.classList.toggle('out', !part.querySelector('.problem:not(.out)'));
      });
      var whole = count.dataset.all;
      count.textContent = shown === problems.length ? whole : (shown || 'None') + ' of ' + whole;
    };
    clear = function () {
      fields.forEach(function (field) { field.value = ''; });
      filter();
    };
    fields.forEach(function (field) { field.addEventListener('input', filter); });
    fields[2].addEventListener('keydown', function (event) { if (event.key === 'Escape') clear(); });
    var fold = function (open) {
      all('details', section).forEach(function (details) { details.open = open; });
    };
    by('open-all').addEventListener('click', function () { fold(true); });
    by('close-all').addEventListener('click', function () { fold(false); });
    tools.hidden = false;
  }
  reveal();
})();
