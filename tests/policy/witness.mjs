// The policy witness: what @cloud-copilot/iam-simulate says of the cases that tests/it/policy_witness.rs wrote.
//
// Every disagreement has to be one of known.json. There it is settled against AWS's documentation, and a rewrite of the
// case spells out what the documentation says, in words that the witness understands: then both have to agree.
// usage: node witness.mjs PACKAGES CASES KNOWN

import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import path from 'node:path'

const [packages, casesFile, knownFile] = process.argv.slice(2)
const load = (file) => import(pathToFileURL(path.resolve(packages, '@cloud-copilot', file)))
const { analyzeControlPolicies, analyzeIdentityPolicies, analyzeResourcePolicy } = await load('iam-simulate/dist/esm/core_engine/CoreSimulatorEngine.js')
const { AwsRequestImpl } = await load('iam-simulate/dist/esm/request/request.js')
const { RequestContextImpl } = await load('iam-simulate/dist/esm/requestContext.js')
const { DiscoveryContextKeyConstraints } = await load('iam-simulate/dist/esm/context_keys/discoveryContextKeyConstraints.js')
const { loadPolicy } = await load('iam-policy/dist/esm/index.js')

const STRICT = { simulationMode: 'Strict', discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]) }
const RCP_FULL = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }] }
const SAID = {
  Allowed: 'allow', AllowedForAccount: 'allow',
  ExplicitlyDenied: 'deny', DeniedForAccount: 'deny',
  ImplicitlyDenied: 'no match'
}

/** What the witness says of a case. */
function theirs(it) {
  const context = new RequestContextImpl(it.context)
  const resource = { resource: it.resource, accountId: '111122223333' }
  const request = new AwsRequestImpl(it.principal, resource, it.action, context, it.resource === '*')
  const levels = it.levels.map((documents, level) => ({
    orgIdentifier: String(level),
    policies: [...documents, ...(it.kind === 'rcp' ? [RCP_FULL] : [])].map((text, at) => loadPolicy(text, { name: String(at) }))
  }))
  const policies = levels[0].policies
  const analysis = {
    identity: () => analyzeIdentityPolicies(policies, request, STRICT, 'identity'),
    scp: () => analyzeControlPolicies(levels, request, STRICT, 'scp'),
    rcp: () => analyzeControlPolicies(levels, request, STRICT, 'rcp'),
    resource: () => analyzeResourcePolicy(policies[0], request, false, STRICT)
  }[it.kind]()
  return SAID[analysis.result]
}

const list = (value) => (Array.isArray(value) ? value : [value])
const has = (context, key) => Object.keys(context).some((known) => known.toLowerCase() === key.toLowerCase())

const VARIABLE = /\$\{([^}]*)\}/g

/** Whether a text of a policy has a variable without a default that the request lacks. */
const lacksVariable = (context, text) => [...text.matchAll(VARIABLE)].some(
  ([, name]) => !['*', '?', '$'].includes(name) && !name.includes(',') && !has(context, name.trim()))

/** A copy of a case with each statement changed in place. */
function mapStatements(it, change) {
  const copy = structuredClone(it)
  for (const document of copy.levels.flat()) for (const statement of document.Statement) change(statement, document)
  return copy
}

/** A copy of a case with each line of its conditions mapped; `null` for a line that always holds. */
function mapConditions(it, change) {
  const copy = structuredClone(it)
  for (const document of copy.levels.flat()) {
    for (const statement of document.Statement) {
      for (const [operator, keys] of Object.entries(statement.Condition ?? {})) {
        for (const [key, values] of Object.entries(keys)) {
          const changed = change({ operator, key, values: list(values), context: it.context, document })
          if (changed === null) delete keys[key]
          else keys[key] = changed
        }
        if (Object.keys(keys).length === 0) delete statement.Condition[operator]
      }
    }
  }
  return copy
}

/** By the id of known.json: the case as AWS's documentation reads it. */
const REWRITES = {
  'version-2008-has-no-variables': (it) => {
    const plain = (value) => list(value).map((text) => text.replace(VARIABLE, 'nobody-asks-for-this'))
    const copy = mapConditions(it, ({ values, document }) => (document.Version === '2008-10-17' ? plain(values) : values))
    return mapStatements(copy, (statement, { Version }) => {
      if (Version !== '2008-10-17') return
      for (const name of ['Resource', 'NotResource']) if (name in statement) statement[name] = plain(statement[name])
    })
  },
  'epoch-dates-are-seconds': (it) => {
    const iso = (text) => (/^\d+$/.test(text) ? new Date(Number(text) * 1000).toISOString() : text)
    const copy = mapConditions(it, ({ operator, values }) => (/Date/.test(operator) ? values.map(iso) : values))
    const dates = ['aws:CurrentTime', 'aws:TokenIssueTime', 'x:Dates'].filter((key) => key in copy.context)
    for (const key of dates) copy.context[key] = Array.isArray(it.context[key]) ? it.context[key].map(iso) : iso(it.context[key])
    return copy
  },
  'an-address-is-a-range-of-one': (it) => mapConditions(it, ({ operator, values }) => (/IpAddress/.test(operator)
    ? values.map((text) => (text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`))
    : values)),
  'every-ipv4-address': (it) => mapConditions(it, ({ operator, values }) => (/IpAddress/.test(operator)
    ? values.flatMap((text) => (text === '0.0.0.0/0' ? ['0.0.0.0/1', '128.0.0.0/1'] : [text]))
    : values)),
  'negated-operators-match-a-variable-without-value': (it) => mapConditions(it, ({ operator, values, context }) => {
    if (!operator.includes('Not')) return values
    const left = values.filter((text) => !lacksVariable(context, text))
    return left.length > 0 ? left : ['nobody-asks-for-this:::::']
  }),
  'a-variable-without-value-excludes-no-resource': (it) => mapStatements(it, (statement) => {
    if (!('NotResource' in statement)) return
    const left = list(statement.NotResource).filter((text) => !lacksVariable(it.context, text))
    statement.NotResource = left.length > 0 ? left : ['arn:aws:s3:::nobody-asks-for-this']
  }),
  'a-variable-in-an-arn': (it) => mapConditions(it, ({ operator, values, context }) => (/Arn/.test(operator)
    ? values.map((text) => text.replace(VARIABLE, (all, name) => context[name] ?? all))
    : values)),
  'an-asterisk-as-a-variable': (it) => mapConditions(it, ({ operator, values }) => (/StringLike|StringNotLike|Arn/.test(operator)
    ? values
    : values.map((text) => text.replaceAll('${*}', '*')))),
  'if-exists-holds-for-a-set-that-is-not-there': (it) => mapConditions(it, ({ operator, key, values, context }) =>
    (/^ForAnyValue:.*IfExists$/.test(operator) && !has(context, key) ? null : values))
}

const cases = readFileSync(casesFile, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
const known = JSON.parse(readFileSync(knownFile, 'utf8'))
const counts = Object.fromEntries(known.map(({ id }) => [id, 0]))
const said = {}
const failures = []

for (const id of Object.keys(REWRITES)) if (!(id in counts)) failures.push(`rewrite ${id} is not in ${knownFile}`)
for (const id of Object.keys(counts)) if (!(id in REWRITES)) failures.push(`${id} of ${knownFile} has no rewrite`)

cases.forEach((it, number) => {
  said[it.ours] = (said[it.ours] ?? 0) + 1
  if (theirs(it) === it.ours) return
  // One known disagreement if one explains it, else all of them together.
  const ids = known.map(({ id }) => id).filter((id) => id in REWRITES)
  const one = ids.find((id) => theirs(REWRITES[id](it)) === it.ours)
  if (one) {
    counts[one] += 1
  } else if (theirs(ids.reduce((rewritten, id) => REWRITES[id](rewritten), it)) === it.ours) {
    counts.together = (counts.together ?? 0) + 1
  } else {
    failures.push(`case ${number + 1}: orgward says ${it.ours}, the witness ${theirs(it)}: ${JSON.stringify(it)}`)
  }
})
for (const { id } of known) if (counts[id] === 0) failures.push(`${id} of ${knownFile} was not met: remove it`)

console.error(`policy witness: ${cases.length} cases ${JSON.stringify(said)}, known disagreements ${JSON.stringify(counts)}`)
for (const failure of failures.slice(0, Number(process.env.SHOW ?? 5))) console.error(failure)
if (failures.length > 0) {
  console.error(`policy witness: ${failures.length} failures`)
  process.exit(1)
}
