import { statSync } from 'node:fs'
import { basename } from 'node:path'
import type { CsvOptions, SourceSpec } from '../../../ports/data-engine.ts'
import { plainText, type PlainText } from './plain-text.ts'
import type { Scratch } from './session.ts'

/** The texts that are read for files; a copy is made once while its file does not change. */
export class PlainCopies {
  readonly #copies = new Map<string, PlainText>()

  async of(file: string, source: SourceSpec, scratch: Scratch): Promise<PlainText> {
    const { delimiter, quote, escape, encoding, skipInitialSpace } = source as CsvOptions
    const csv = source.kind === 'csv' ? definedOf({ delimiter, quote, escape, encoding, skipInitialSpace }) : undefined
    const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true })
    const key = JSON.stringify([file, `${ino}/${size}/${mtimeNs}/${ctimeNs}`, csv ?? null])
    const known = this.#copies.get(key)
    if (known) return known
    const made = await plainText(file, { source: source.path, file: basename(file) }, csv, scratch)
    if (made.path !== file) this.#copies.set(key, made)
    return made
  }
}

/** Options that were given. */
function definedOf(csv: { readonly [K in keyof CsvOptions]: CsvOptions[K] | undefined }): CsvOptions {
  return Object.fromEntries(Object.entries(csv).filter(([, value]) => value !== undefined))
}
