"""
Go's text/template with the functions of consul-template that need no cluster.

Source: the Go standard library, text/template; hashicorp/consul-template, template/funcs.go.
"""

from dispatchfile.jobspec.gotemplate.evaluate import TemplateContext, render
from dispatchfile.jobspec.gotemplate.failures import RenderFailure, TemplateSyntaxError
from dispatchfile.jobspec.gotemplate.parser import Template, parse

__all__ = ["RenderFailure", "Template", "TemplateContext", "TemplateSyntaxError", "parse", "render"]
