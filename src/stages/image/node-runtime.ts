import { execFile } from 'node:child_process'
import { realpath } from 'node:fs/promises'
import { promisify } from 'node:util'
import { fail } from '../../errors/index.ts'
import { entryOf, type Entry } from './entry.ts'

const run = promisify(execFile)

/** Shared libraries that the loader finds for a program or library, as the paths it names them by. */
async function librariesOf(file: string): Promise<readonly string[]> {
  try {
    const { stdout } = await run('ldd', [file], { env: { PATH: process.env.PATH, LC_ALL: 'C' } })
    return [...stdout.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(0x/gm)].map(match => match[1] as string)
  } catch (error) {
    // It says so of what is linked statically.
    if (/not a dynamic executable|statically linked/.test(String((error as { stderr?: unknown }).stderr))) return []
    throw fail(
      'imageInput',
      {
        reason: `the libraries of ${file} cannot be listed: ${(error as Error).message.split('\n')[0]}`,
        next: 'Install ldd (package libc-bin), or build upon an image that has Node.js: --base <image> --node base.',
      },
      error,
    )
  }
}

const accounts = {
  passwd: 'root:x:0:0:root:/:/sbin/nologin\nmillrace:x:65532:65532:Millrace:/tmp:/sbin/nologin\n',
  group: 'root:x:0:\nmillrace:x:65532:\n',
}

/**
 * What an image of its own needs to run Node.js: this machine's binary, the libraries that it and the project's native
 * modules load from the system, accounts, and a folder for temporary files. No shell, no package manager.
 */
export async function nodeRuntime(nativeModules: readonly string[]): Promise<readonly Entry[]> {
  if (process.platform !== 'linux')
    throw fail('imageInput', {
      reason: `Node.js of ${process.platform} cannot run in a Linux image`,
      next: 'Build upon an image that has Node.js: --base <image> --node base.',
    })
  const binary = await realpath(process.execPath)
  const libraries = new Set<string>()
  for (const file of [binary, ...nativeModules])
    for (const library of await librariesOf(file)) if (!library.includes('/node_modules/')) libraries.add(library)
  const copies = await Promise.all(
    [...libraries].map(async path => entryOf(await realpath(path), path.replace(/^\/+/, ''))),
  )
  const node = await entryOf(binary, 'usr/local/bin/node')
  return [
    ...copies.filter(one => one !== undefined),
    ...(node ? [node] : []),
    { path: 'etc/passwd', kind: 'file', content: accounts.passwd },
    { path: 'etc/group', kind: 'file', content: accounts.group },
    { path: 'etc/nsswitch.conf', kind: 'file', content: 'hosts: files dns\n' },
    { path: 'tmp', kind: 'folder', open: true },
  ]
}
