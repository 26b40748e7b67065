"""Functions become tools, resources and prompts; their types become schemas. Runs nothing itself."""

from fairlead.catalog.completion import Completion
from fairlead.catalog.context import Answer, Context
from fairlead.catalog.entry import Entry, Progress
from fairlead.catalog.prompt import Prompt
from fairlead.catalog.registry import Catalog
from fairlead.catalog.resource import Resource
from fairlead.catalog.tool import Tool

__all__ = ["Answer", "Catalog", "Completion", "Context", "Entry", "Progress", "Prompt", "Resource", "Tool"]
