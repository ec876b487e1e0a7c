// validatorUrl: null keeps Swagger UI from sending the document to its makers' validator.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#interface",
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  layout: "BaseLayout",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
