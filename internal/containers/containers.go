// Package containers opens the files in which certificates lie behind a password
// or in a foreign syntax: PKCS #12, Java key stores, objects of Kubernetes. Package
// bundle recognises them; what they hold is read by it again.
//
// What a container holds that is not recognised may be a password or a key: it is
// named, and its bytes are not handed on. The functions are safe for concurrent use.
package containers

import (
	"fmt"

	"github.com/assaytls/assay/cert/bundle"
)

// Password is how a container is opened.
type Password struct {
	// Get returns the password. It may ask a person.
	Get func() (string, error)
	// Given says that Get need not ask anybody: then what can be read without a
	// password is verified with it too.
	Given bool
}

// Bounds of what is opened. A container in another one is a key store in a Secret.
const (
	maxDepth   = 2
	maxObjects = 10_000
)

// Open returns objects with the contents of each container in its place. An error
// says which container could not be opened, and why.
func Open(objects []bundle.Object, password Password) ([]bundle.Object, error) {
	return open(objects, password, 0)
}

func open(objects []bundle.Object, password Password, depth int) ([]bundle.Object, error) {
	var out []bundle.Object
	for i, o := range objects {
		read := readers[o.Kind]
		if read == nil || o.Damage != "" || depth == maxDepth {
			if len(out) > 0 {
				out = append(out, o)
			}
			continue
		}
		if len(out) == 0 {
			out = append(out, objects[:i]...)
		}
		inside, err := read(o.Bytes, password)
		if err != nil {
			return nil, fmt.Errorf("%s that cannot be opened: %w", o.What(), err)
		}
		if inside, err = open(inside, password, depth+1); err != nil {
			return nil, err
		}
		for j := range inside {
			if inside[j].Within == bundle.Unknown {
				inside[j].Within = o.Kind
			}
		}
		if len(inside) == 0 {
			inside = []bundle.Object{o}
		}
		if out = append(out, inside...); len(out) > maxObjects {
			return nil, fmt.Errorf("%s that holds more than %d objects", o.What(), maxObjects)
		}
	}
	if out == nil {
		return objects, nil
	}
	return out, nil
}

// readers read what each kind of container holds.
var readers = map[bundle.Kind]func([]byte, Password) ([]bundle.Object, error){
	bundle.PKCS12: readPKCS12, bundle.KeyStore: readKeyStore, bundle.Kubernetes: readKubernetes,
}

// recognised returns the objects in b, which stood at place.
func recognised(b []byte, place string) []bundle.Object {
	objects := bundle.Read(b, maxObjects)
	for i := range objects {
		o := &objects[i]
		if o.Place = place; o.Kind == bundle.Unknown {
			o.Bytes = nil
		}
	}
	return objects
}
