// The study's page: tables that sort, and the theme.
document.documentElement.dataset.script = "";
makeTheme();
document.querySelectorAll("table.sortable").forEach(makeSortable);
