package bundle

import "fmt"

// Whole returns an error unless every object could be read: whoever names a
// file wants all of it. The error tells the first damage, and how many PEM
// blocks there are.
func Whole(objects []Object) error {
	blocks, damaged := 0, 0
	var first *Object
	last := 0
	for i := range objects {
		o := &objects[i]
		if o.Line != last && o.Line > 0 {
			blocks++
			last = o.Line
		}
		if o.Damage == "" {
			continue
		}
		if damaged++; first == nil {
			first = o
		}
	}
	switch {
	case first == nil:
		return nil
	case first.Line > 0:
		return fmt.Errorf("has %d PEM blocks of which %d can be decoded: %s", blocks, blocks-damaged, first.Damage)
	}
	return fmt.Errorf("cannot be read: %s", first.Damage)
}
