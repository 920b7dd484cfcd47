import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fail } from '../../errors/index.ts'
import { digestFile } from '../../internal/digest.ts'
import { lineageOf } from '../../stages/version/lineage.ts'
import type { Command } from '../command.ts'
import { lineageTree, nodeName } from '../lineage-tree.ts'
import { snapshotCalled, snapshotsWith } from '../../app/snapshots.ts'
import type { LineageEdge } from '../../ports/metadata-store.ts'
import type { Workspace } from '../../config/workspace.ts'
import { withWorkspace } from '../../app/with-workspace.ts'

/** What came of a source file: the snapshots that were made from it with others, and what was made from these. */
async function throughSnapshots(workspace: Workspace, file: string): Promise<readonly LineageEdge[]> {
  const edges: LineageEdge[] = []
  for (const snapshot of await snapshotsWith(workspace, file)) {
    edges.push({ from: file, to: snapshot, relation: 'input:snapshot' })
    const known = new Set(edges.map(edge => JSON.stringify(edge)))
    edges.push(...(await lineageOf(workspace.store, snapshot)).to.filter(edge => !known.has(JSON.stringify(edge))))
  }
  return edges
}

export const command: Command = {
  summary: 'what something was made from, and what was made from it',
  arguments: [
    {
      name: 'what',
      description: 'a digest (of a snapshot its start, as "data list" has it), a model version (lateness@3), or a file',
      required: true,
    },
  ],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const { store } = workspace
      const given = args[0] as string
      const node =
        given.includes('@') && !given.includes(':')
          ? `model:${given}`
          : existsSync(resolve(cwd, given))
            ? (await digestFile(resolve(cwd, given))).digest
            : ((await snapshotCalled(workspace, given))?.digest ?? given)
      const { from: back, to: own } = await lineageOf(store, node)
      const forward = own.length > 0 ? own : await throughSnapshots(workspace, node)
      if (back.length + forward.length === 0) throw fail('lineageUnknown', { subject: given })
      out.data({ node, madeFrom: back, usedFor: forward })
      out.line(nodeName(node))
      out.line(`made from${back.length === 0 ? ': nothing that is recorded' : ''}`)
      for (const line of lineageTree(node, back, 'back')) out.line(line)
      out.line(`used for${forward.length === 0 ? ': nothing that is recorded' : ''}`)
      for (const line of lineageTree(node, forward, 'forward')) out.line(line)
      out.note('Whole digests: --json')
    }),
}
