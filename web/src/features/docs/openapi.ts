/**
 * The parts of an OpenAPI 3.1 document that the reference shows, and how they are read from it:
 * operations by tag, schemas as text, examples and the curl call.
 */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  example?: unknown;
  examples?: unknown[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
};

export interface Parameter {
  $ref?: string;
  name: string;
  in: "query" | "path" | "header" | "cookie";
  required?: boolean;
  description?: string;
  schema?: Schema;
  example?: unknown;
}

type Content = Record<string, { schema?: Schema; example?: unknown }>;

export interface Answer {
  $ref?: string;
  description?: string;
  content?: Content;
  headers?: Record<string, { description?: string; schema?: Schema }>;
}

interface RawOperation {
  operationId?: string;
  summary?: string;
  description?: string;
  tags?: string[];
  deprecated?: boolean;
  parameters?: Parameter[];
  requestBody?: { description?: string; required?: boolean; content?: Content };
  responses?: Record<string, Answer>;
  security?: Record<string, string[]>[];
}

export interface OpenApi {
  info: { title: string; version: string; description?: string };
  servers?: { url: string }[];
  tags?: { name: string; description?: string }[];
  security?: Record<string, string[]>[];
  paths: Record<string, Record<string, RawOperation | Parameter[]>>;
  components?: {
    schemas?: Record<string, Schema>;
    parameters?: Record<string, Parameter>;
    responses?: Record<string, Answer>;
  };
}

export interface Operation {
  /** What the address of the page points to. */
  id: string;
  method: string;
  path: string;
  summary: string;
  description: string | undefined;
  isDeprecated: boolean;
  /** Whether a call carries a token: where it may, more is seen with one than without. */
  token: "none" | "optional" | "required";
  parameters: Parameter[];
  body: { schema: Schema; type: string; example: unknown } | null;
  answers: { status: string; description: string; schema: Schema | null; type: string | null }[];
}

export interface TagGroup {
  tag: string;
  description: string | undefined;
  operations: Operation[];
}

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];
const SCHEMA_REF = "#/components/schemas/";
const EXAMPLE_DEPTH_MAX = 5;

/** The operations by tag: tags in the document's order, operations in the order of their paths. */
export function groupsOf(document: OpenApi): TagGroup[] {
  const groups = new Map<string, TagGroup>();
  for (const { name, description } of document.tags ?? []) {
    groups.set(name, { tag: name, description, operations: [] });
  }
  for (const [path, item] of Object.entries(document.paths)) {
    const shared = Array.isArray(item.parameters) ? item.parameters : [];
    for (const method of METHODS) {
      const raw = item[method];
      if (raw === undefined || Array.isArray(raw)) continue;
      const tag = raw.tags?.[0] ?? tagOf(path);
      const group = groups.get(tag) ?? { tag, description: undefined, operations: [] };
      group.operations.push(readOperation(document, path, method, raw, shared));
      groups.set(tag, group);
    }
  }
  return [...groups.values()].filter(({ operations }) => operations.length > 0);
}

function readOperation(
  document: OpenApi,
  path: string,
  method: string,
  raw: RawOperation,
  shared: Parameter[],
): Operation {
  const [type, content] = Object.entries(raw.requestBody?.content ?? {})[0] ?? [];
  return {
    id: raw.operationId ?? `${method}-${path.replaceAll(/\W+/g, "-")}`,
    method: method.toUpperCase(),
    path,
    summary: raw.summary ?? sentence(raw.operationId ?? `${method} ${path}`),
    description: raw.description,
    isDeprecated: raw.deprecated ?? false,
    token: tokenOf(raw.security ?? document.security),
    parameters: [...shared, ...(raw.parameters ?? [])].map((parameter) => resolved(document, parameter)),
    body:
      content === undefined
        ? null
        : { schema: content.schema ?? {}, type: type ?? "application/json", example: content.example },
    answers: Object.entries(raw.responses ?? {}).map(([status, reference]) => {
      const answer = resolved(document, reference);
      const [contentType, body] = Object.entries(answer.content ?? {})[0] ?? [];
      return {
        status,
        description: answer.description ?? "",
        schema: body?.schema ?? null,
        type: contentType ?? null,
      };
    }),
  };
}

/** Without a tag an operation belongs with the others on the same resource: `/api/v1/events/{id}` to "events". */
function tagOf(path: string): string {
  return path.replace(/^\/api\/v\d+/, "").split("/")[1] ?? "other";
}

function tokenOf(security: Record<string, string[]>[] | undefined): Operation["token"] {
  if (security === undefined || security.length === 0) return "none";
  const isOptional = security.some((requirement) => Object.keys(requirement).length === 0);
  return isOptional ? "optional" : "required";
}

/** "listUsers" is "List users". */
function sentence(name: string): string {
  const words = name
    .replaceAll(/([a-z\d])([A-Z])/g, "$1 $2")
    .replaceAll(/[_-]+/g, " ")
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function resolved<T extends { $ref?: string }>(document: OpenApi, part: T): T {
  if (part.$ref === undefined) return part;
  const [kind, name] = part.$ref.replace("#/components/", "").split("/");
  const components = document.components as Record<string, Record<string, T>> | undefined;
  return components?.[kind ?? ""]?.[name ?? ""] ?? part;
}

/** The name of the schema a `$ref` points to, or null. */
export function schemaName({ $ref }: Schema): string | null {
  return $ref?.startsWith(SCHEMA_REF) ? $ref.slice(SCHEMA_REF.length) : null;
}

/** The alternatives of a schema without `null`, and whether `null` is one. */
export function alternatives(schema: Schema): { schemas: Schema[]; isNullable: boolean } {
  const all = schema.oneOf ?? schema.anyOf;
  if (all === undefined) {
    const types = Array.isArray(schema.type) ? schema.type : [schema.type];
    const isNullable = types.includes("null");
    const rest = types.filter((type) => type !== "null");
    const schemas = isNullable ? rest.map((type): Schema => ({ ...schema, type })) : [schema];
    return { schemas, isNullable };
  }
  const schemas = all.filter(({ type }) => type !== "null");
  return { schemas, isNullable: schemas.length < all.length };
}

/** What a value must keep to, in words: "at least 1", "at most 500 characters". */
export function limitsOf(schema: Schema): string[] {
  const limits: string[] = [];
  const add = (value: unknown, words: (value: string) => string) => {
    if (value !== undefined) limits.push(words(String(value)));
  };
  add(schema.minimum, (value) => `at least ${value}`);
  add(schema.maximum, (value) => `at most ${value}`);
  add(schema.minLength, (value) => `at least ${value} characters`);
  add(schema.maxLength, (value) => `at most ${value} characters`);
  add(schema.minItems, (value) => `at least ${value} items`);
  add(schema.maxItems, (value) => `at most ${value} items`);
  add(schema.pattern, (value) => `matches ${value}`);
  add(schema.default, () => `default ${JSON.stringify(schema.default)}`);
  return limits;
}

/** A value that fits the schema, from its own examples where it has some. */
export function exampleOf(document: OpenApi, schema: Schema, depth = 0): unknown {
  if (schema.example !== undefined) return schema.example;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum?.length) return schema.enum.find((value) => value !== null);
  if (depth > EXAMPLE_DEPTH_MAX) return null;

  const name = schemaName(schema);
  if (name !== null) return exampleOf(document, document.components?.schemas?.[name] ?? {}, depth + 1);
  if (schema.allOf) {
    const parts = schema.allOf.map((part) => exampleOf(document, part, depth + 1));
    return Object.assign({}, ...parts.filter((part) => typeof part === "object"));
  }
  const [first] = alternatives(schema).schemas;
  if (first !== undefined && first !== schema) return exampleOf(document, first, depth + 1);
  return exampleOfType(document, schema, depth);
}

const BY_FORMAT: Record<string, string> = {
  uuid: "0198c0de-0000-7000-8000-000000000001",
  "date-time": "2026-12-05T18:00:00Z",
  date: "2026-12-05",
  email: "ada@example.org",
};

function exampleOfType(document: OpenApi, schema: Schema, depth: number): unknown {
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "array") return schema.items ? [exampleOf(document, schema.items, depth + 1)] : [];
  if (type === "integer" || type === "number") return schema.minimum ?? 1;
  if (type === "boolean") return true;
  if (type === "string") return BY_FORMAT[schema.format ?? ""] ?? "text";
  if (schema.properties) {
    const fields = Object.entries(schema.properties);
    return Object.fromEntries(fields.map(([field, part]) => [field, exampleOf(document, part, depth + 1)]));
  }
  return {};
}

/** The call as one would type it, with the required parameters filled in. */
export function curlOf(document: OpenApi, operation: Operation, origin: string): string {
  const given = (place: Parameter["in"]) =>
    operation.parameters.filter((parameter) => parameter.in === place && parameter.required);
  const filledIn = ({ name, schema, example }: Parameter) => {
    const value = example ?? schema?.example ?? schema?.enum?.[0] ?? schema?.default;
    return value === undefined ? `<${name}>` : String(value);
  };
  let address = `${origin}${operation.path.replaceAll(/\{(\w+)\}/g, "<$1>")}`;
  const query = given("query").map((parameter) => `${parameter.name}=${filledIn(parameter)}`);
  if (query.length > 0) address += `?${query.join("&")}`;

  const lines = [`curl ${operation.method === "GET" ? "" : `-X ${operation.method} `}'${address}'`];
  if (operation.token !== "none") lines.push(`-H 'authorization: Bearer <token>'`);
  for (const parameter of given("header")) lines.push(`-H '${parameter.name}: ${filledIn(parameter)}'`);
  if (operation.body) {
    const example = operation.body.example ?? exampleOf(document, operation.body.schema);
    lines.push(`-H 'content-type: ${operation.body.type}'`);
    lines.push(`-d '${JSON.stringify(example, null, 2).replaceAll("'", "'\\''")}'`);
  }
  return lines.join(" \\\n  ");
}

/** Whether every word of the search occurs in what the operation says about itself. */
export function matches(operation: Operation, search: string): boolean {
  const { method, path, summary, description = "", id } = operation;
  const text = `${method} ${path} ${summary} ${description} ${id}`.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
