"""Ready listeners for the event stream, one module for each backend; each needs an extra of its name.

- `resilience.instrumentation.prometheus`
- `resilience.instrumentation.opentelemetry`
- `resilience.instrumentation.structlog`
"""
