/** Where rows are read from, in place. Paths are relative to the project folder; `*` and `**` are globs. */
export type Source =
  | { readonly kind: 'parquet' | 'json'; readonly path: string }
  | { readonly kind: 'csv'; readonly path: string; readonly delimiter?: string; readonly header?: boolean }

export function parquet(path: string): Source {
  return { kind: 'parquet', path }
}

/** `header` defaults to true, `delimiter` to a comma; the dialect is declared, never guessed anew at each run. */
export function csv(path: string, options: { readonly delimiter?: string; readonly header?: boolean } = {}): Source {
  return { kind: 'csv', path, ...options }
}

/** JSON lines. */
export function json(path: string): Source {
  return { kind: 'json', path }
}
