// A page of pictures: the theme alone.
document.documentElement.dataset.script = "";
makeTheme();
