import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin'

/** The words of an exception are for people: no test is asked to notice that they changed. */
export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'words', {
    shouldIgnore: ({ node, parent }) =>
      ['StringLiteral', 'TemplateLiteral'].includes(node.type) && /^(New|Throw)/.test(parent?.type ?? '')
        ? 'words of an exception'
        : undefined,
  }),
]
