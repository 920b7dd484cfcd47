import type { Report } from '../../define/report.ts'
import type { RenderOptions } from './subject.ts'

export type { RenderOptions } from './subject.ts'

export type Render = (reports: readonly Report[], options?: RenderOptions) => string

/** The renderers by name, each loaded when it is used. */
export const reporters = {
  pretty: async (): Promise<Render> => (await import('./pretty.ts')).render,
  json: async (): Promise<Render> => (await import('./json.ts')).render,
  junit: async (): Promise<Render> => (await import('./junit.ts')).render,
  sarif: async (): Promise<Render> => (await import('./sarif.ts')).render,
  github: async (): Promise<Render> => (await import('./github.ts')).render,
  html: async (): Promise<Render> => (await import('./html/render.ts')).render,
  azure: async (): Promise<Render> => (await import('./azure.ts')).render,
  'code-quality': async (): Promise<Render> => (await import('./code-quality.ts')).render,
  markdown: async (): Promise<Render> => (await import('./markdown.ts')).render,
} as const

export type ReporterName = keyof typeof reporters

export function isReporter(name: string): name is ReporterName {
  return Object.hasOwn(reporters, name)
}
