/** One sheet, light and dark, for every page that is written as a file. */
export const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--line:#d9dee3;--page:#f6f7f9;--card:#fff;--bar:#3f6fb5;--bad:#b3261e;--warn:#8a5a00;--info:#1f5fa8;--ok:#1a7038;--tint:#eef2f7}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#9aa5b1;--line:#343b44;--page:#14171a;--card:#1d2125;--bar:#7ba7e6;--bad:#ff8a80;--warn:#f2c14e;--info:#8ab8f5;--ok:#7bd88f;--tint:#252b31}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:1.6rem;margin:0 0 4px}h2{font-size:1.15rem;margin:32px 0 12px}h3{font-size:1rem;margin:0}
small,.soft{color:var(--soft);font-size:.86rem}
.facts{display:flex;flex-wrap:wrap;gap:8px 28px;margin:16px 0}
.facts b{display:block;font-size:1.25rem;font-variant-numeric:tabular-nums}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px;margin:0 0 10px;content-visibility:auto;contain-intrinsic-size:auto 96px}
.card.fail,.card.error{border-left:4px solid var(--bad)}.card.warn{border-left:4px solid var(--warn)}.card.info{border-left:4px solid var(--info)}
.mark{font-weight:600}.mark.fail,.mark.error{color:var(--bad)}.mark.warn{color:var(--warn)}.mark.info{color:var(--info)}.mark.pass{color:var(--ok)}.mark.skipped{color:var(--soft)}
.meter{height:6px;background:var(--tint);border-radius:3px;overflow:hidden;margin:8px 0 4px;max-width:420px}.meter i{display:block;height:100%;background:var(--bad)}
.card.warn .meter i{background:var(--warn)}.card.info .meter i{background:var(--info)}
.chips{display:flex;flex-wrap:wrap;gap:6px;margin:6px 0 0}.chips code{background:var(--tint);border-radius:4px;padding:1px 6px}
code{font:.88em ui-monospace,monospace;overflow-wrap:anywhere}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;font-variant-numeric:tabular-nums}
th{font-weight:600}thead th{color:var(--soft);font-weight:500;white-space:nowrap}
td.n,th.n{text-align:right}td:nth-child(3){min-width:260px}tbody tr{content-visibility:auto;contain-intrinsic-size:auto 30px}
summary{cursor:pointer;padding:4px 0}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:10px}
.grid .card{margin:0}svg{display:block;width:100%;height:auto;margin:8px 0 2px}svg rect{fill:var(--bar)}svg .base{fill:var(--tint)}
svg text{fill:var(--ink);font:11px system-ui,sans-serif}svg .soft{fill:var(--soft)}
svg.figure rect{fill:none}svg.figure .figure-bar{fill:var(--bar);fill-opacity:.75}svg.figure .figure-bar.other{fill:var(--soft);fill-opacity:.45}svg.figure .figure-bar.bad{fill:var(--bad)}svg.figure .figure-cell{fill:var(--bar)}
svg.figure .figure-line{fill:none;stroke:var(--bar);stroke-width:2}svg.figure .figure-line.other{stroke:var(--warn);stroke-width:1.5}svg.figure .figure-line.chance{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 3}
svg.figure .figure-grid{stroke:var(--line)}svg.figure .figure-interval{stroke:var(--soft);stroke-width:1.5}svg.figure .figure-interval.main{stroke:var(--bar)}svg.figure .figure-interval.other{stroke:var(--warn)}
svg.figure .figure-dot{fill:var(--bar)}svg.figure .figure-dot.other{fill:var(--warn)}svg.figure .figure-dot.faint{fill-opacity:.35}svg.figure .figure-band{fill:var(--bar);fill-opacity:.15}
.grid.wide{grid-template-columns:repeat(auto-fill,minmax(320px,1fr))}.legend{margin:0 0 8px}.swatch{display:inline-block;width:18px;height:3px;vertical-align:middle;margin:0 6px 0 12px;background:var(--bar)}.swatch.other{background:var(--warn)}
input[type=search]{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:6px 10px;width:min(100%,340px);margin:0 0 10px}
`
