package containers

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/assaytls/assay/cert/bundle"
)

// maxKubernetes bounds the text that is read: an object has 1 MiB at most, and a list has a few.
const maxKubernetes = 16 << 20

// fields are where objects of Kubernetes keep their data, and which of them are in base64.
var fields = map[string][]field{
	"Secret":    {{"data", true}, {"stringData", false}},
	"ConfigMap": {{"data", false}, {"binaryData", true}},
}

type field struct {
	name   string
	base64 bool
}

// readKubernetes reads Secrets and ConfigMaps, alone, in lists, or one document
// after the other. JSON is read as the YAML that it is.
func readKubernetes(b []byte, _ Password) ([]bundle.Object, error) {
	if len(b) > maxKubernetes {
		return nil, fmt.Errorf("it is larger than %d MiB", maxKubernetes>>20)
	}
	var out []bundle.Object
	seen := false
	for in := yaml.NewDecoder(bytes.NewReader(b)); ; {
		var doc yaml.Node
		switch err := in.Decode(&doc); {
		case errors.Is(err, io.EOF):
			if !seen {
				return nil, errors.New("it is neither a Secret nor a ConfigMap")
			}
			return out, nil
		case err != nil:
			return nil, errors.New("it is not valid YAML") // the parser's text repeats parts of it
		}
		if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
			continue
		}
		objects := []*yaml.Node{doc.Content[0]}
		if items := member(doc.Content[0], "items"); items != nil && items.Kind == yaml.SequenceNode {
			objects = items.Content
		}
		for _, o := range objects {
			found, ok, err := secretData(o)
			if err != nil {
				return nil, err
			}
			seen = seen || ok
			if out = append(out, found...); len(out) > maxObjects {
				return nil, fmt.Errorf("it holds more than %d objects", maxObjects)
			}
		}
	}
}

// secretData reads the data of one object; ok says that it is one of those that have some.
func secretData(o *yaml.Node) (out []bundle.Object, ok bool, err error) {
	kind := member(o, "kind")
	if kind == nil || fields[kind.Value] == nil {
		return nil, false, nil
	}
	for _, f := range fields[kind.Value] {
		data := member(o, f.name)
		if data == nil || data.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(data.Content); i += 2 {
			key, value := data.Content[i].Value, data.Content[i+1]
			if value.Kind != yaml.ScalarNode {
				continue
			}
			b := []byte(value.Value)
			if f.base64 {
				if b, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value.Value), "")); err != nil {
					out = append(out, bundle.Object{Damage: "it is not base64", Place: key})
					err = nil
					continue
				}
			}
			out = append(out, recognised(b, key)...)
		}
	}
	return out, true, nil
}

// member returns the value of a mapping's member, nil when there is none. Aliases are not followed.
func member(o *yaml.Node, name string) *yaml.Node {
	if o.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(o.Content); i += 2 {
		if o.Content[i].Value == name {
			return o.Content[i+1]
		}
	}
	return nil
}
