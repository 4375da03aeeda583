import { type ChangeEvent, useState } from "react";

/** The values of a form's text fields, and what a field needs to show and change its own. */
export function useForm<T extends Record<string, string>>(initial: T) {
  const [values, setValues] = useState(initial);
  function field(name: keyof T & string) {
    return {
      name,
      value: values[name],
      onChange: (event: ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) => {
        const { value } = event.currentTarget;
        setValues((now) => ({ ...now, [name]: value }));
      },
    };
  }
  return { values, field, setValues };
}
