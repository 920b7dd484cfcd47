import { escape } from './escape.ts'
import { style } from './style.ts'

/** Hides the rows of a table that do not hold what is typed above it. */
const script = `for(const box of document.querySelectorAll('input[data-table]'))box.addEventListener('input',()=>{const wanted=box.value.toLowerCase();for(const row of document.getElementById(box.dataset.table).tBodies[0].rows)row.hidden=!row.textContent.toLowerCase().includes(wanted)})`

/** A page that needs nothing but itself. */
export function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escape(title)}</title><style>${style}</style></head><body><main>${body}</main><script>${script}</script></body></html>\n`
}
