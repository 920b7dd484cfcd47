import { useState } from 'preact/hooks'
import { useResource } from '../api.ts'
import { DecisionItem, Empty, Loaded, Panel, Title } from '../parts.tsx'
import type { Decision } from '../types.ts'

const kinds = ['all', 'gate', 'quarantine', 'trigger', 'rollout', 'contest', 'promotion', 'alert', 'access', 'search']

export function DecisionsPage() {
  const [kind, setKind] = useState('all')
  const found = useResource<{ decisions: readonly Decision[] }>(
    `/v1/decisions?limit=200${kind === 'all' ? '' : `&kind=${kind}`}`,
  )
  return (
    <>
      <Title note="Every automatic choice, with the rule that made it and what it rests on.">Decisions</Title>
      <div class="filter" role="group" aria-label="Kinds of decisions">
        {kinds.map(one => (
          <button key={one} type="button" aria-pressed={one === kind} onClick={() => setKind(one)}>
            {one}
          </button>
        ))}
      </div>
      <Loaded of={found} lines={14}>
        {({ decisions }) => (
          <Panel title="Timeline" aside={<small>newest first</small>}>
            {decisions.length === 0 ? (
              <Empty command="millrace train">Nothing has been decided yet.</Empty>
            ) : (
              <ol class="decisions">
                {decisions.map(one => (
                  <DecisionItem key={one.id} decision={one} />
                ))}
              </ol>
            )}
          </Panel>
        )}
      </Loaded>
    </>
  )
}
