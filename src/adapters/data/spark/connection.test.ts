import { describe, expect, it } from 'vitest'
import { parseConnection } from './connection.ts'

describe('a connection string of Spark Connect', () => {
  it('says where the server is and what goes with every call', () => {
    expect(parseConnection('sc://spark.example')).toEqual({
      address: 'spark.example:15002',
      tls: false,
      user: 'millrace',
      headers: new Map(),
    })
    expect(
      parseConnection('sc://spark.example:443/;token=a%3Db;user_id=ann;x-databricks-cluster-id=0123-45;user_agent=x'),
    ).toEqual({
      address: 'spark.example:443',
      tls: true,
      token: 'a=b',
      user: 'ann',
      headers: new Map([['x-databricks-cluster-id', '0123-45']]),
    })
    expect(parseConnection('sc://[::1]:15002/;use_ssl=true', 'secret')).toMatchObject({
      address: '[::1]:15002',
      tls: true,
      token: 'secret',
    })
  })

  it.each([
    ['http://spark.example', /form sc:/],
    ['sc://', /form sc:/],
    ['sc://host:0', /no port 0/],
    ['sc://host:70000', /no port 70000/],
    ['sc://host/;use_ssl=yes', /'yes', not true or false/],
    ['sc://host/;token', /;name=value/],
    ['sc://host/;token=%', /as in a URL/],
    ['sc://host/;use_ssl=false;token=secret', /over TLS alone/],
  ])('that is wrong is refused, and not repeated: %s', (text, reason) => {
    const refused = () => parseConnection(text)
    expect(refused).toThrow(expect.objectContaining({ code: 'MR5055', message: expect.stringMatching(reason) }))
    expect(refused).not.toThrow(/secret/)
  })
})
