// Blocking: sets theme and language before the first paint. Kept tiny and free of imports.
(function (d, s) {
  try {
    s = localStorage;
    var t = s.getItem('synctv.theme');
    if (t !== 'dark' && t !== 'light')
      t = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
    d.dataset.theme = t;
    var l = s.getItem('synctv.locale') || navigator.language || 'en';
    d.lang = /^zh/i.test(l) ? 'zh-CN' : 'en';
  } catch (e) {
    // Storage may be refused: the dark default stays.
  }
})(document.documentElement);
