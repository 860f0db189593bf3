package finding

var ctKinds = []Kind{}
