package watch

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write schema.json anew")

type object = map[string]any

// schema is the JSON Schema of watch.yaml. What a group's check may have comes from
// the flags themselves.
func schema() object {
	text := func(about string) object { return object{"type": "string", "description": about} }
	number := func(low, high int, about string) object {
		return object{"type": "integer", "minimum": low, "maximum": high, "description": about}
	}
	duration := func(about string) object {
		return object{"type": "string", "pattern": `^([0-9.]+(ns|us|µs|ms|s|m|h))+$|^[0-9]+d$`, "description": about}
	}
	texts := func(about string) object {
		return object{"anyOf": []object{text(about), {"type": "array", "items": text(about)}}}
	}
	labels := object{"type": "object", "maxProperties": maxLabels, "propertyNames": object{"pattern": labelForm.String()},
		"additionalProperties": object{"type": []string{"string", "number", "boolean"}}, "description": "labels for alerts and lists"}
	name := object{"type": "string", "pattern": nameForm.String(), "description": "its name, of which there is one"}
	closed := func(required []string, members object) object {
		o := object{"type": "object", "additionalProperties": false, "properties": members}
		if len(required) > 0 {
			o["required"] = required
		}
		return o
	}
	settings := object{}
	_, all := newSettings()
	all.VisitAll(func(f *pflag.Flag) {
		if notForMany[f.Name] != "" {
			return
		}
		_, usage := pflag.UnquoteUsage(f)
		one := object{"description": usage}
		scalar := object{"type": []string{"string", "number", "boolean"}}
		switch {
		case f.Value.Type() == "bool":
			one["type"] = "boolean"
		default:
			one["anyOf"] = []object{scalar, {"type": "array", "items": scalar}}
		}
		settings[f.Name] = one
	})
	interval := duration("between two checks, from 10s to 30d; default: what stands above, 1h")
	return object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "watch.yaml, what assay serve watches", "type": "object", "additionalProperties": false,
		"properties": object{
			"version": object{"const": 1}, "listen": text("address of the HTTP server, 127.0.0.1:8843"), "database": text("a file, or postgres://USER@HOST/NAME"),
			"workers": number(1, maxWorkers, "how many checks run at a time"), "interval": interval,
			"retain": closed(nil, object{"age": duration("how long states and events are kept since they ended"), "states": number(1, 100_000, "of one target"), "reports": number(1, 10_000, "in full, of one target"),
				"events": number(1, 1_000_000, "of one target"), "messages": duration("how long messages are kept since they were delivered or given up")}),
			"groups": object{"type": "array", "items": closed([]string{"name"}, object{"name": name, "interval": interval, "labels": labels,
				"check": closed(nil, settings), "lists": object{"anyOf": []object{text("a file with one target a line"), {"type": "array", "items": text("a file with one target a line")}}},
				"targets": object{"type": "array", "items": object{"anyOf": []object{text("a target as assay check takes it"),
					closed([]string{"target"}, object{"target": text("a target as assay check takes it"), "name": text("what people call it"), "interval": interval, "labels": labels})}}}})},
			"authorities": object{"type": "array", "items": closed([]string{"name", "issuer", "urls"}, object{"name": name, "issuer": text("the file with the CA's certificate"),
				"serial": text("the serial number, in hexadecimal, that responders are asked about; default: one that nobody has"), "interval": interval, "labels": labels,
				"urls": object{"type": "array", "items": text("the http address of a CRL or an OCSP responder of the CA")}})},
			"alerts": object{"type": "object"}, "web": closed(nil, object{"token-file": text("a file with a token a line, one of which whoever asks shows"), "tls-cert": text("a file with the certificate of HTTPS and its chain"),
				"tls-key": text("a file with its private key"), "user-header": text("the header in which a reverse proxy says who asks"), "proxies": texts("a network of reverse proxies"),
				"hosts": texts("a name by which the service is asked besides localhost"), "allow-networks": texts("a network that is checked for those who ask, besides public addresses"),
				"requests-a-second": number(1, 1_000_000, "of one client"), "checks-a-minute": number(1, 1_000_000, "that one client may ask for")}),
		},
	}
}

// TestSchema: schema.json is what the reader takes. `go test ./watch -run TestSchema
// -update` writes it.
func TestSchema(t *testing.T) {
	want, err := json.MarshalIndent(schema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("schema.json")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("schema.json is not up to date: go test ./watch -run TestSchema -update (%v)", err)
	}
	// The reader says which names it takes, where it is given one that it does not.
	root := schema()["properties"].(object)
	item := func(name string) object { return root[name].(object)["items"].(object)["properties"].(object) }
	for text, properties := range map[string]object{
		"zzzzzzzzzz: 1":                                   root,
		"retain: {zzzzzzzzzz: 1}":                         root["retain"].(object)["properties"].(object),
		"groups: [{zzzzzzzzzz: 1}]":                       item("groups"),
		"authorities: [{zzzzzzzzzz: 1}]":                  item("authorities"),
		"groups: [{name: a, targets: [{zzzzzzzzzz: 1}]}]": item("groups")["targets"].(object)["items"].(object)["anyOf"].([]object)[1]["properties"].(object),
	} {
		err := ParseConfig("w.yaml", []byte(text)).Err()
		if err == nil {
			t.Fatalf("%s is taken", text)
		}
		_, list, _ := strings.Cut(err.Error(), "there are ")
		list, _, _ = strings.Cut(list, "\n")
		if names := strings.Join(slices.Sorted(maps.Keys(properties)), ", "); names != list {
			t.Errorf("%s: the reader takes %s, the schema has %s", text, list, names)
		}
	}
}
