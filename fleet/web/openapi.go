package web

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

type object = map[string]any

var pathParameter = regexp.MustCompile(`\{([a-z0-9]+)\}`)

// openAPI is the OpenAPI 3.1 document of routes. Schemas are those of the types that
// are really read and written.
func openAPI(routes []route, version string) object {
	schemas := &schemas{named: object{}}
	trouble := object{"description": "what is wrong, RFC 9457", "content": object{"application/problem+json": object{"schema": schemas.of(reflect.TypeFor[Problem]())}}}
	paths := object{}
	for _, o := range routes {
		op := object{"summary": o.about, "operationId": operation(o), "responses": object{"default": trouble}}
		parameters := []object{}
		for _, m := range pathParameter.FindAllStringSubmatch(o.path, -1) {
			kind := object{"type": "integer", "minimum": 1}
			if m[1] == "sha256" {
				kind = object{"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}
			}
			parameters = append(parameters, object{"name": m[1], "in": "path", "required": true, "schema": kind})
		}
		for _, name := range sorted(o.query) {
			parameters = append(parameters, object{"name": name, "in": "query", "description": o.query[name], "schema": object{"type": "string"}})
		}
		op["parameters"] = parameters
		if o.body != nil {
			op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": schemas.of(reflect.TypeOf(o.body))}}}
		}
		good := object{"description": "done"}
		status := o.status
		switch {
		case o.gives == nil:
			status = 204
		case status == 0:
			status = 200
		}
		if o.gives != nil {
			good["content"] = object{"application/json": object{"schema": schemas.of(reflect.TypeOf(o.gives))}}
			if o.also != "" {
				good["content"].(object)[o.also] = object{} // bytes, which no schema describes
			}
			if o.method == "GET" {
				op["responses"].(object)["304"] = object{"description": "nothing has changed since the answer with this ETag"}
				good["headers"] = object{"ETag": object{"description": "send it back as If-None-Match; the answer is 304 while nothing has changed", "schema": object{"type": "string"}}}
			}
		}
		op["responses"].(object)[fmt.Sprint(status)] = good
		at, _ := paths[o.path].(object)
		if at == nil {
			at = object{}
			paths[o.path] = at
		}
		at[strings.ToLower(o.method)] = op
	}
	schemas.named["Check"].(object)["examples"] = []object{{"target": "example.com", "policy": object{"min-rsa": "3072", "strict": true}}}
	return object{"openapi": "3.1.0", "info": object{"title": "assay serve", "version": version, "description": "Servers that are watched, what they came to, and checks of others."},
		"paths": paths, "security": []object{{}, {"token": []string{}}},
		"components": object{"schemas": schemas.named, "securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}}}}
}

func operation(o route) string {
	words := strings.FieldsFunc(strings.TrimPrefix(o.path, "/api/v1/"), func(r rune) bool { return r == '/' || r == '{' || r == '}' })
	return strings.ToLower(o.method) + "-" + strings.Join(words, "-")
}

func sorted(m map[string]string) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// schemas are the JSON Schemas of Go types as encoding/json writes them.
type schemas struct{ named object }

func (s *schemas) of(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[*report.Report](), t == reflect.TypeFor[report.Report]():
		return object{"type": "object", "description": "a report as assay check --json writes it"}
	case t == reflect.TypeFor[report.Row]():
		return object{"type": "object", "description": "a report in one line, as assay check --rows writes it"}
	case t == reflect.TypeFor[Values]():
		scalar := object{"type": []string{"string", "number", "boolean"}}
		return object{"anyOf": []object{scalar, {"type": "array", "items": scalar}}}
	case t == reflect.TypeFor[map[string]Values]():
		members := object{}
		for _, f := range policy.Fields() {
			if f.Name != "time" {
				members[f.Name] = object{"description": f.Help, "anyOf": s.of(reflect.TypeFor[Values]())["anyOf"]}
			}
		}
		return object{"type": "object", "additionalProperties": false, "properties": members}
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) && !t.Implements(reflect.TypeFor[json.Marshaler]()):
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": []string{"array", "null"}, "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Struct:
		return s.structure(t)
	}
	return object{}
}

// structure is a schema by name.
func (s *schemas) structure(t reflect.Type) object {
	name := strings.NewReplacer("[", "Of", "]", "", "github.com/assaytls/assay/fleet/watch.", "", "github.com/assaytls/assay/fleet/alert.", "").Replace(t.Name())
	name = strings.ToUpper(name[:1]) + name[1:]
	ref := object{"$ref": "#/components/schemas/" + name}
	if s.named[name] != nil {
		return ref
	}
	o := object{"type": "object", "additionalProperties": false}
	s.named[name] = o
	members, required := object{}, []string{}
	s.members(t, members, &required)
	o["properties"] = members
	if len(required) > 0 {
		o["required"] = required
	}
	return ref
}

func (s *schemas) members(t reflect.Type, members object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		switch name, options, _ := strings.Cut(tag, ","); {
		case f.Anonymous && name == "":
			s.members(f.Type, members, required)
		case !f.IsExported() || name == "-" || name == "":
		default:
			members[name] = s.of(f.Type)
			if !strings.Contains(options, "omit") {
				*required = append(*required, name)
			}
		}
	}
}
