"""What the OpenAPI document is made from: what views say of themselves, and the JSON that they answer with."""
