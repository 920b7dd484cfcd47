import { mkdir } from 'node:fs/promises'
import { chromium } from 'playwright-core'
import { paths } from './pages.ts'
import { testServer } from './harness.ts'
import { seed, seedTraffic } from './seed.ts'

// Pictures of every page in light and dark, wide and narrow: `npx jiti test/server/screenshots.ts <folder> [pages…]`.
const [folder = 'shots', ...only] = process.argv.slice(2)
await mkdir(folder, { recursive: true })
const server = await testServer()
await seed(server.workspace)
seedTraffic(server.deployment.history)
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
try {
  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [1280, 390]) {
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce' })
      page.on('console', message => message.type() === 'error' && process.stderr.write(`${message.text()}\n`))
      page.on('pageerror', error => process.stderr.write(`${String(error)}\n`))
      for (const path of only.length > 0 ? only : paths) {
        await page.goto(server.url + path)
        await page.waitForTimeout(900)
        const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
        if (Number(wide) > 0) process.stderr.write(`${path} at ${width} is ${String(wide)} px too wide\n`)
        const name = path === '/' ? 'loop' : path.slice(1).replace(/\//g, '-')
        await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: true })
      }
      await page.close()
    }
} finally {
  await browser.close()
  await server.end()
}
