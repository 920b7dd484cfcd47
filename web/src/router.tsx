import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'

export const path = signal(location.pathname)

addEventListener('popstate', () => {
  path.value = location.pathname
})

export function go(to: string): void {
  history.pushState(null, '', to)
  path.value = to
  scrollTo(0, 0)
  // who hears the page is told where they are now
  requestAnimationFrame(() => document.querySelector<HTMLElement>('h1')?.focus())
}

export function Link({
  to,
  children,
  ...rest
}: {
  to: string
  children: ComponentChildren
  class?: string
  'aria-current'?: 'page' | undefined
}) {
  return (
    <a
      href={to}
      {...rest}
      onClick={event => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
        event.preventDefault()
        go(to)
      }}
    >
      {children}
    </a>
  )
}
