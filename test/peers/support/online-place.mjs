// Opens an online store as another process does: the argument names its kind, address and namespace.
export async function openPlace(argument) {
  const { kind, url, namespace } = JSON.parse(argument)
  if (kind === 'redis')
    return (await import('../../../dist/adapters/online/redis/store.js')).openRedis(url, { namespace })
  return (await import('../../../dist/adapters/online/postgres/store.js')).openPostgresOnline(url, { namespace })
}
