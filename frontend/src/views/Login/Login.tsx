/** The login: a name, a password, and a refusal that says what to do. */
import { Button, PasswordInput, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useMutation } from "urql";
import { describe } from "../../api/client";
import { LoginMutation } from "../../api/documents/session";
import { Wordmark } from "../../components/Shell/Wordmark";
import css from "./Login.module.css";

export function Login({ onSignedIn }: { onSignedIn: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [result, login] = useMutation(LoginMutation);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const answer = await login({ name: name.trim(), password });
    if (answer.data !== undefined && answer.error === undefined) onSignedIn();
  };

  return (
    <main className={css.page}>
      <form className={css.form} onSubmit={submit} aria-labelledby="login-title">
        <h1 id="login-title" className={css.title}>
          <Wordmark />
        </h1>
        <TextInput
          label="Name"
          name="username"
          autoComplete="username"
          size="sm"
          required
          withAsterisk={false}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
        />
        <PasswordInput
          label="Password"
          name="password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {result.error !== undefined && (
          <div role="alert" className={css.refused}>
            {describe(result.error).what}
          </div>
        )}
        <Button type="submit" variant="filled" size="sm" loading={result.fetching}>
          Sign in
        </Button>
        <p className={css.hint}>
          Forgotten? An administrator sets a new password with <code className="mono">hopwatch user</code>.
        </p>
      </form>
    </main>
  );
}
