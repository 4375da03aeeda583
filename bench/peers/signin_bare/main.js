/** A page with one field of Mantine's and a button, as Mantine's documentation begins. */
import "@mantine/core/styles.css";
import { Button, MantineProvider, TextInput } from "@mantine/core";
import { createElement, useState } from "react";
import { createRoot } from "react-dom/client";

function SignIn() {
  const [email, setEmail] = useState("");
  return createElement(
    "form",
    { onSubmit: (event) => event.preventDefault() },
    createElement(TextInput, {
      label: "E-mail",
      type: "email",
      value: email,
      onChange: (event) => setEmail(event.currentTarget.value),
    }),
    createElement(Button, { type: "submit" }, "Sign in"),
  );
}

createRoot(document.getElementById("root")).render(
  createElement(MantineProvider, null, createElement(SignIn)),
);
