import { expect, test } from "vitest";
import { alternatives, curlOf, exampleOf, groupsOf, limitsOf, matches, type OpenApi } from "./openapi";

const document: OpenApi = {
  info: { title: "Backline", version: "1" },
  tags: [{ name: "tickets" }, { name: "events", description: "What is on." }],
  security: [{ bearer: [] }],
  paths: {
    "/api/v1/events": {
      get: { operationId: "listEvents", tags: ["events"], summary: "List events", security: [] },
      post: {
        operationId: "createEvent",
        tags: ["events"],
        requestBody: {
          content: { "application/json": { schema: { $ref: "#/components/schemas/NewEvent" } } },
        },
        responses: {
          201: { description: "made", content: { "application/json": { schema: { type: "object" } } } },
          default: { $ref: "#/components/responses/Problem" },
        },
      },
    },
    "/api/v1/gear/{id}": {
      parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
      delete: { parameters: [{ $ref: "#/components/parameters/IfMatch" } as never] },
    },
  },
  components: {
    schemas: {
      NewEvent: {
        type: "object",
        required: ["name"],
        properties: {
          name: { type: "string", example: "Ada's night" },
          startDate: { type: "string", format: "date-time" },
          price: { oneOf: [{ type: "null" }, { $ref: "#/components/schemas/Money" }] },
          parent: { $ref: "#/components/schemas/NewEvent" },
        },
      },
      Money: {
        type: "object",
        properties: { amountMinor: { type: "integer" }, currency: { type: "string", enum: ["SEK"] } },
      },
    },
    parameters: {
      IfMatch: { name: "If-Match", in: "header", required: true, schema: { type: "string" } },
    },
    responses: { Problem: { description: "a problem" } },
  },
};

test("operations stand under their tag, or under their resource", () => {
  const groups = groupsOf(document);
  expect(groups.map(({ tag, operations }) => [tag, operations.map(({ id }) => id)])).toEqual([
    ["events", ["listEvents", "createEvent"]],
    ["gear", ["delete--api-v1-gear-id-"]],
  ]);
});

test("references to shared parameters and answers are followed", () => {
  const [, gear] = groupsOf(document);
  expect(gear?.operations[0]?.parameters.map(({ name }) => name)).toEqual(["id", "If-Match"]);
  const created = groupsOf(document)[0]?.operations[1];
  expect(created?.answers.map(({ status, description }) => [status, description])).toEqual([
    ["201", "made"],
    ["default", "a problem"],
  ]);
});

test("an example is built from the schema and stops where it contains itself", () => {
  const example = exampleOf(document, { $ref: "#/components/schemas/NewEvent" }) as Record<string, unknown>;
  expect(example).toMatchObject({
    name: "Ada's night",
    startDate: "2026-12-05T18:00:00Z",
    price: { amountMinor: 1, currency: "SEK" },
  });
});

test("the curl call can be pasted into a shell", () => {
  const [events, gear] = groupsOf(document);
  const [list, create] = events?.operations ?? [];
  const origin = "https://backline.example";
  expect(list && curlOf(document, list, origin)).toBe("curl 'https://backline.example/api/v1/events'");
  expect(create && curlOf(document, create, origin)).toContain("Ada'\\''s night");
  expect(gear?.operations[0] && curlOf(document, gear.operations[0], origin)).toBe(
    [
      "curl -X DELETE 'https://backline.example/api/v1/gear/<id>'",
      "-H 'authorization: Bearer <token>'",
      "-H 'If-Match: <If-Match>'",
    ].join(" \\\n  "),
  );
});

test("whether a token is needed is read from the document", () => {
  const requirement = (security: Record<string, string[]>[] | undefined) =>
    groupsOf({ ...document, security: undefined, paths: { "/x": { get: { security } } } })[0]?.operations[0]
      ?.token;
  expect(requirement([{ bearer: [] }])).toBe("required");
  expect(requirement([{ bearer: [] }, {}])).toBe("optional");
  expect(requirement([])).toBe("none");
  expect(requirement(undefined)).toBe("none");
});

test("null is told apart from the other alternatives", () => {
  expect(alternatives({ type: ["string", "null"], format: "uuid" })).toEqual({
    schemas: [{ type: "string", format: "uuid" }],
    isNullable: true,
  });
  expect(alternatives({ oneOf: [{ type: "null" }, { type: "integer" }] })).toEqual({
    schemas: [{ type: "integer" }],
    isNullable: true,
  });
});

test("limits are said in words", () => {
  expect(limitsOf({ minimum: 0, maxLength: 50, default: 5 })).toEqual([
    "at least 0",
    "at most 50 characters",
    "default 5",
  ]);
});

test("a search needs all of its words", () => {
  const create = groupsOf(document)[0]?.operations[1];
  expect(create && matches(create, "post events")).toBe(true);
  expect(create && matches(create, "post tickets")).toBe(false);
});
