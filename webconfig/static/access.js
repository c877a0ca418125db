// A chosen file is put into the text field, so that the same form sends both.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const input of document.querySelectorAll("input[type=file][data-into]")) {
    const into = document.getElementById(input.dataset.into);
    input.addEventListener("change", async () => {
      if (input.files.length && into) into.value = await input.files[0].text();
    });
  }
});
