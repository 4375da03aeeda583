/** Has the browser keep a text as a file, byte by byte as it is. */
export function saveFile(name: string, text: string, type: "application/json" | "text/html"): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
