package finding

var pathKinds = []Kind{}
