// How reports, and the page that measures, look: dark and light, on phones and on paper.

export const style: string = `
:root { color-scheme: light dark; --text: #1c1c1c; --page: #fff; --faint: #e4e4e4; --mark: #3b6fb6; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e6; --page: #16181b; --faint: #33373d; --mark: #7fb0f0; } }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1500px; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.4rem; }
.scroll { overflow-x: auto; }
table { border-spacing: 0; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--faint); vertical-align: top; }
p { max-width: 46rem; }
td { white-space: nowrap; }
.number { text-align: right; padding-left: .5rem; }
.sortable td:last-child { white-space: normal; min-width: 10rem; }
.facts td:not(.number) { white-space: normal; min-width: 11rem; max-width: 22rem; } .facts td:first-child { min-width: 6rem; font-weight: 600; }
.facts .number { text-align: left; padding-left: 0; }
[scope=colgroup], [scope=colgroup] ~ th { border-left: 1px solid var(--faint); padding-left: .7rem; }
.scroll td:first-child, .scroll th[scope=col]:first-child { position: sticky; left: 0; background: var(--page); }
@media (max-width: 40rem) { .sortable { font-size: 13px; } .sortable td:first-child { white-space: normal; min-width: 5.5rem; max-width: 7rem; } }
th button { all: unset; cursor: pointer; font-weight: 600; white-space: nowrap; }
th button:focus-visible { outline: 2px solid var(--mark); }
th[aria-sort=ascending] button::after { content: ' ↑'; } th[aria-sort=descending] button::after { content: ' ↓'; }
.bar { min-width: 12rem; } .bar i { display: block; height: .8em; margin-top: .35em; background: var(--mark); }
svg { width: 100%; min-width: 40rem; max-width: 1000px; height: auto; } svg text { fill: var(--text) !important; }
@media print { body { background: #fff; color: #000; } section { break-inside: avoid-page; } .scroll { overflow: visible; } svg { min-width: 0; } table { font-size: 9px; } }
`;
