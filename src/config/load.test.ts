import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { configName, findRoot, loadedModules, loadProject, rootAbove } from './load.ts'

function folder(config: string, files: Readonly<Record<string, string>> = {}): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-load-')))
  writeFileSync(join(root, configName), config)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text)
  return root
}

const plain = (name: string, more = '') =>
  `import { csv, dataset, project, t } from '${resolve('dist/index.js')}'
${more}
const rides = dataset('rides', { source: csv('rides.csv'), columns: { km: t.float() } })
export default project('${name}', { rides })`

it('finds the project from below, and says where it looked when there is none', () => {
  const root = folder('')
  const below = join(root, 'a', 'b')
  mkdirSync(below, { recursive: true })
  expect(rootAbove(below)).toBe(root)
  expect(findRoot(root)).toBe(root)
  const outside = realpathSync(mkdtempSync(join(tmpdir(), 'none-')))
  expect(rootAbove(outside)).toBeUndefined()
  expect(() => findRoot(outside)).toThrow(
    expect.objectContaining({ code: 'MR1001', message: expect.stringContaining(outside) }),
  )
})

it('loads a project and knows the files it was made of', async () => {
  const root = folder(plain('first', "import { name } from './name.ts'\nvoid name"), {
    'name.ts': "export const name = 'x'",
  })
  expect((await loadProject(root)).name).toBe('first')
  expect(loadedModules(root)).toContain(join(root, 'name.ts'))
  expect(loadedModules('/elsewhere')).toEqual([])
})

it('sees what has changed since, in the file itself and in what it imports', async () => {
  const root = folder(plain('first'))
  expect((await loadProject(root)).name).toBe('first')
  writeFileSync(join(root, configName), plain('second'))
  expect((await loadProject(root)).name).toBe('second')
  const named = plain('x', "import { name } from './name.ts'").replace("'x'", 'name')
  for (const name of ['third', 'fourth']) {
    writeFileSync(join(root, 'name.ts'), `export const name = '${name}'`)
    writeFileSync(join(root, configName), named)
    expect((await loadProject(root)).name).toBe(name)
  }
})

it('knows its modules under the folder as it truly is', async () => {
  const root = folder(plain('linked', "import { name } from './name.ts'\nvoid name"), {
    'name.ts': "export const name = 'x'",
  })
  const link = `${root}-link`
  symlinkSync(root, link)
  await loadProject(link)
  expect(loadedModules(root).length).toBeGreaterThan(0)
})

it('names the line where a project file throws', async () => {
  const root = folder(`const a = 1\nvoid a\nthrow new Error('on purpose\\nand more')\n`)
  await expect(loadProject(root)).rejects.toMatchObject({
    code: 'MR1002',
    message: expect.stringMatching(/millrace\.config\.ts:3.*on purpose(?!.*and more)/s),
  })
})

it('names a folder in its place', async () => {
  const root = folder('')
  rmSync(join(root, configName))
  mkdirSync(join(root, configName))
  await expect(loadProject(root)).rejects.toMatchObject({ code: 'MR1117', exit: 3 })
})

it('passes on what the definition API refused', async () => {
  const root = folder(plain('x').replace('t.float()', 'undefined'))
  await expect(loadProject(root)).rejects.toMatchObject({ code: 'MR1005' })
})

it.each(['', 'export default 5', 'export default { name: "x" }', 'export const a = 1'])(
  '%j is no project',
  async text => {
    await expect(loadProject(folder(text))).rejects.toMatchObject({ code: 'MR1003' })
  },
)
