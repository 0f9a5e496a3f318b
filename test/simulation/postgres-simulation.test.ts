import { postgres } from './postgres-adapter.js'
import { simulationContract } from './simulation.contract.js'

simulationContract(postgres)
