"use strict";

document.getElementById("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const message = document.getElementById("message");
  message.textContent = "";
  const value = (id) => document.getElementById(id).value;
  try {
    const answer = await fetch("/api/v1/login", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Floorsense": "1" },
      body: JSON.stringify({ name: value("name"), password: value("password") }),
    });
    if (answer.ok) { location.href = "/"; return; }
    message.textContent = (await answer.json()).error.message;
  } catch (error) {
    message.textContent = "No answer: " + error.message;
  }
});
