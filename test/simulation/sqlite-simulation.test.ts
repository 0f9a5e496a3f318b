import { simulationContract } from './simulation.contract.js'
import { sqlite } from './sqlite-adapter.js'

simulationContract(sqlite)
