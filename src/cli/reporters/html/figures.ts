import { drawFigures } from '../../../stages/evaluate/figures/draw.ts'
import type { ModelFigures } from '../../../stages/evaluate/figures/index.ts'
import { escape } from './escape.ts'

/** The pictures of a tested model. */
export function renderFigures(figures: ModelFigures): string {
  const cards = drawFigures(figures).map(
    ({ title, note, svg }) =>
      `<section class="card"><h3>${escape(title)}</h3><small>${escape(note)}</small>${svg}</section>`,
  )
  const legend =
    figures.champion === null
      ? ''
      : `<p class="legend"><span class="swatch main"></span>this model <span class="swatch other"></span>champion ${escape(figures.champion)}, on the same rows</p>`
  return cards.length === 0 ? '' : `<h2>Pictures</h2>${legend}<div class="grid wide">${cards.join('')}</div>`
}
