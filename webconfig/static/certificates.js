// A file fills the field of a certificate; pasting does without it.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  for (const area of document.querySelectorAll("textarea[data-file]")) {
    const input = document.createElement("input");
    input.type = "file";
    input.accept = ".pem,.crt,.cer,.key,.csr,.txt";
    input.setAttribute("aria-label", area.dataset.file);
    input.addEventListener("change", async () => {
      const file = input.files[0];
      if (file && file.size <= 60000) area.value = await file.text();
    });
    area.before(input);
  }
});
