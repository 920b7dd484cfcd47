import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { container, project } from '../index.ts'
import { withRequest } from '../testing/trainer-frame.ts'
import { trainersOf } from './trainers.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-trainers-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

/** With which words a program that starts containers is called: it writes them down and fails. */
async function calledWith(program: string, run: object | undefined): Promise<readonly string[]> {
  const [folder, told] = [join(root, 'bin'), join(root, 'told')]
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, program),
    `#!/bin/sh\nfor word in "$@"; do echo "$word" >> ${told}; done\necho >> ${told}\nexit 9\n`,
  )
  chmodSync(join(folder, program), 0o755)
  const own = project('p', {}, run === undefined ? {} : ({ run } as never))
  const none = { localPath: () => Promise.reject(new Error('nothing is asked for')) }
  const before = process.env.PATH
  process.env.PATH = `${folder}:${before}`
  try {
    const trainer = container('example/trainer:1')
    const opened = await trainersOf(own, root, join(root, '.millrace'), none)(trainer)
    await withRequest({ task: 'binary' }, request => expect(opened.train({ ...request, trainer })).rejects.toThrow())
  } finally {
    process.env.PATH = before
  }
  // The second call removes what may be left of it
  const [first = ''] = readFileSync(told, 'utf8').split('\n\n')
  return first.split('\n')
}

it('containers of trainers are started by podman, without a network, where nothing else is said', async () => {
  const words = await calledWith('podman', undefined)
  expect(words[0]).toBe('run')
  expect(words.slice(words.indexOf('--network'), words.indexOf('--network') + 2)).toEqual(['--network', 'none'])
  expect(words.slice(-1)).toEqual(['example/trainer:1'])
})

it('and as the settings of runs say, where they run in containers', async () => {
  const run = { kind: 'container', image: 'own:1', program: 'docker', network: 'own-net' }
  const flags = { globalFlags: ['--root', '/x'], runFlags: ['--memory', '1g'] }
  const words = await calledWith('docker', { ...run, ...flags })
  expect(words.slice(0, 3)).toEqual(['--root', '/x', 'run'])
  expect(words.slice(words.indexOf('--network'), words.indexOf('--network') + 2)).toEqual(['--network', 'own-net'])
  const image = words.indexOf('example/trainer:1')
  expect(words.slice(image - 2, image)).toEqual(['--memory', '1g'])
})
