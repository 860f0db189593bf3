package finding

var nameKinds = []Kind{}
