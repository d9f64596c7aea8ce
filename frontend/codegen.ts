/**
 * Types of the API, generated from the server's printed schema and the documents in `src/api/documents`.
 * The result is committed under `src/gql`; `npm run codegen:check` fails where it has drifted.
 */
import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../schema.graphql",
  documents: ["src/api/documents/*.ts"],
  ignoreNoDocuments: true,
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        enumsAsTypes: true,
        useTypeImports: true,
        skipTypename: false,
        scalars: { DateTime: "string" },
      },
    },
  },
};

export default config;
